/** exampleScript: the task `hello` of Dag `example`: a shell script that says a few things over two seconds. */

export const exampleScript = `#!/bin/sh
# The example task of a standalone site. Yours to change: it is read anew for each job.
# A command finds its job in EDGE_WORKER_DAG_ID, _TASK_ID, _RUN_ID, _TRY_NUMBER, _MAP_INDEX, and its conf in a file.
echo "Hello from $EDGE_WORKER_DAG_ID.$EDGE_WORKER_TASK_ID, run $EDGE_WORKER_RUN_ID, try $EDGE_WORKER_TRY_NUMBER"
echo "My conf is $(cat "$EDGE_WORKER_CONF")"
for step in 1 2 3 4; do
  sleep 0.5
  echo "Step $step of 4"
done
echo "Done"
`
