"""Run by spark-submit: the job once for each command line, all in one JVM; tells how each ended as JSON.

    spark-submit cases.py JOB.py CASES.json OUTCOMES.json

CASES.json has lists of arguments by name, OUTCOMES.json then null or the type and the message of the exception.
"""

import json
import runpy
import sys
from pathlib import Path

from pyspark import SparkContext  # type: ignore[import-not-found]

job, cases, outcomes = sys.argv[1:]
ended: dict[str, object] = {}
for name, arguments in json.loads(Path(cases).read_text()).items():
    sys.argv = [job, *arguments]
    try:
        runpy.run_path(job, run_name="__main__")
        ended[name] = None
    except Exception as error:  # noqa: BLE001 whatever it is, the test looks at it
        ended[name] = [type(error).__name__, str(error)]
        if SparkContext._active_spark_context:
            SparkContext._active_spark_context.stop()
Path(outcomes).write_text(json.dumps(ended))
