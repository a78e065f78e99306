"""Import a module: `import_one.py MODULE`; CPU milliseconds and the packages that came with it as JSON."""

from __future__ import annotations

import importlib
import json
import sys
import time

name = sys.argv[1]
before = set(sys.modules)
began = time.process_time()
importlib.import_module(name)
took = time.process_time() - began
brought = {module.partition(".")[0] for module in set(sys.modules) - before}
foreign = sorted(brought - set(sys.stdlib_module_names) - {name.partition(".")[0]})
print(json.dumps({"ms": took * 1000, "foreign": [word for word in foreign if not word.startswith("__")]}))
