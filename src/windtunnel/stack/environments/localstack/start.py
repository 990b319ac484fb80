"""Becomes LocalStack, on one address and with one folder for what S3 doesn't keep in memory.

    python -P start.py <host> <folder>

Run by LocalStack's own interpreter. Both are settled in LocalStack's code alone: it listens on every IPv4 address of
the machine, whatever GATEWAY_LISTEN says, and all LocalStacks of a machine share one folder in /tmp.
"""

import sys
from functools import partial

from localstack.services.s3 import provider  # type: ignore[import-not-found]
from twisted.internet import endpoints  # type: ignore[import-not-found]

host, folder = sys.argv[1:]
if not hasattr(provider, "DEFAULT_S3_TMP_DIR"):
    sys.exit("This LocalStack keeps large objects elsewhere than the one that windtunnel knows.")
provider.DEFAULT_S3_TMP_DIR = folder
endpoints.TCP4ServerEndpoint = partial(endpoints.TCP4ServerEndpoint, interface=host)

from localstack.runtime.main import main  # type: ignore[import-not-found]  # noqa: E402

main()
