/** python: the Python with a real Airflow that these tests must have. */

const given = process.env["EDGE_WORKER_TEST_AIRFLOW_PYTHON"]
if (!given)
  throw new Error("EDGE_WORKER_TEST_AIRFLOW_PYTHON must name a Python with Airflow 3.3.2 and edge3 5.1.0")

/** Its path. */
export const python: string = given
