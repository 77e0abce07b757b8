#!/usr/bin/env python3
"""Times Python's Jinja2 on bench.j2: prints the microseconds of processor time
of one render and of one parse (compilation included), the best of several
rounds."""
import json
import os
import time
import timeit

import jinja2

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "bench.j2")) as f:
    source = f.read()
with open(os.path.join(here, "handmade.json")) as f:
    ctx = json.load(f)["ctx"]
env = jinja2.Environment()
template = env.from_string(source)


def best(fn, number):
    return min(timeit.repeat(fn, number=number, repeat=5, timer=time.process_time)) / number * 1e6


print(best(lambda: template.render(ctx), 2000), best(lambda: env.from_string(source), 20))
