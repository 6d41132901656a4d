"""Everything about practice-management systems: records, adapters, tools and faces.

Python's ``zoneinfo`` prefers the operating system's zone files, which lag behind the law: Debian 12 still moves
clocks that British Columbia and Alberta stopped moving in 2026. Importing this package makes the pinned ``tzdata``
package the only source, before anything can read a zone.
"""

import os
import zoneinfo

os.environ["PYTHONTZPATH"] = ""  # child processes too
zoneinfo.reset_tzpath(to=())
