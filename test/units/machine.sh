#!/bin/sh
# Process 1 of new namespaces: makes a small machine out of this one, all of which is read-only, and becomes its systemd.
#   unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc sh machine.sh FOLDER PACKAGE NODE CGROUP UID
# FOLDER/units: units, over those named below; FOLDER/env: what the unit's EnvironmentFile has; FOLDER/airflow: its home.
set -eu
folder=$1 package=$2 node=$3 group=$4 user=$5
units="basic.target exit.target local-fs.target multi-user.target network.target network-online.target paths.target
  shutdown.target slices.target sockets.target swap.target sysinit.target timers.target umount.target systemd-exit.service
  systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket"

# A group of its own, the root of what systemd sees: the one of whoever started this stays as it is.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/$group
mkdir "$own"
echo 0 > "$own/cgroup.procs"
umount /sys/fs/cgroup

# Nothing of the real machine can be written from here on, its kernel's settings included.
mount --bind /proc/sys /proc/sys
cut -d' ' -f5 /proc/self/mountinfo | while read -r at; do
  case $at in
  /proc) ;;
  *) mount -o bind,remount,ro "$(printf '%b' "$at")" 2> /dev/null || : ;;
  esac
done

# What is the machine's own. Sources lie where its users may not look, so all is bound before it is hidden.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/etc /run/dev /run/lib /run/local
for at in etc dev lib local; do mount -t tmpfs -o mode=755 tmpfs "/run/$at"; done

cp -a /etc/. /run/etc/
rm -rf /run/etc/systemd
mkdir -p /run/etc/systemd/system/multi-user.target.wants /run/etc/airflow
for unit in $units; do cp "/usr/lib/systemd/system/$unit" /run/etc/systemd/system/; done
ln -s ../systemd-journald.service /run/etc/systemd/system/multi-user.target.wants/
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitBurst=0\n' > /run/etc/systemd/journald.conf
cp -r "$folder"/units/. /run/etc/systemd/system/
cp "$folder/env" /run/etc/airflow/edge-worker.env
echo "airflow:x:$user:$user::/var/lib/airflow:/bin/sh" >> /run/etc/passwd
echo "airflow:x:$user:" >> /run/etc/group

for device in null zero full random urandom tty; do
  : > "/run/dev/$device"
  mount --bind "/dev/$device" "/run/dev/$device"
done
ln -s /proc/self/fd /run/dev/fd
mkdir -m 1777 /run/dev/shm

mkdir /run/lib/airflow /run/lib/systemd
mount --bind "$folder/airflow" /run/lib/airflow
mount -o bind,remount,rw /run/lib/airflow

mkdir -p /run/local/bin /run/local/lib/edge-worker
mount --bind "$package" /run/local/lib/edge-worker
: > /run/local/bin/node
mount --bind "$node" /run/local/bin/node
ln -s ../lib/edge-worker/bin/edge-worker.mjs /run/local/bin/edge-worker

mount -t tmpfs -o mode=755 tmpfs /usr/lib/systemd/system
mount -t tmpfs -o mode=755 tmpfs /usr/lib/systemd/system-generators
mount --move /run/local /usr/local
mount --move /run/lib /var/lib
mount --move /run/dev /dev
mount --move /run/etc /etc

exec unshare --cgroup sh -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup
  exec env -i container=edge-worker-test PATH="$PATH" \
    /usr/lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --show-status=no'
