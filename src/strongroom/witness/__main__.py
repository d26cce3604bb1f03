"""`python -m strongroom.witness` is `strongroom-witness`."""

import sys

from strongroom.witness.program import main

sys.exit(main())
