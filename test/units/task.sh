#!/bin/sh
# What a job runs: it does what it reads from its gate, until that says how to end.
name=$EDGE_WORKER_TASK_ID
[ "$name" != wedged ] || trap '' TERM
echo "$name" >> "$AIRFLOW_HOME/ran"
setsid sleep 3600 &
echo begun
while read -r word rest; do
  case $word in
  say) echo "$rest" ;;
  end)
    kill -9 $!
    exit "$rest"
    ;;
  esac
done < "$AIRFLOW_HOME/gate-$name"
