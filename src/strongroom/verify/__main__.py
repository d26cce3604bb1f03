"""`python -m strongroom.verify` is `strongroom-verify`."""

import sys

from strongroom.verify.program import main

sys.exit(main())
