#!/usr/bin/env python3
"""Renders templates with Python's Jinja2: the oracle of engine/jinja's tests.

As a module it gives render(case). As a program it reads one JSON case a line
from standard input and answers each with one JSON line, until the input ends.

A case has tpl, ctx, and optionally files (templates for include and import),
opts (see environment) and expr (true: evaluate tpl as an expression). The
answer has out, or error (the exception's class, and for Jinja2's own
exceptions ": " and the message) and line.
"""
import copy
import json
import re
import resource
import signal
import sys
import traceback

import jinja2
from jinja2.exceptions import TemplateError

try:
    import yaml
except ImportError:  # only the YAML cases need it
    yaml = None

SYNTAX = [
    "trim_blocks", "lstrip_blocks", "keep_trailing_newline", "line_statement_prefix", "line_comment_prefix",
    "newline_sequence", "block_start_string", "block_end_string", "variable_start_string",
    "variable_end_string", "comment_start_string", "comment_end_string", "autoescape",
]
UNDEFINED = {
    "": jinja2.Undefined,
    "strict": jinja2.StrictUndefined,
    "chainable": jinja2.ChainableUndefined,
    "debug": jinja2.DebugUndefined,
}


def custom(env):
    env.globals["env_var"] = lambda name: "ENV:" + name
    env.filters["b64x"] = lambda s, pad=False: s[::-1] + ("=" if pad else "")
    env.tests["bigger"] = lambda n, than: n > than


def yaml_filters(env):
    """The YAML filters of the project format."""

    def represent_str(dumper, data):
        style = None
        if len(data.splitlines()) > 1:
            style = "|"
        elif data.isnumeric():
            style = "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    class Dumper(yaml.SafeDumper):
        pass

    class Loader(yaml.SafeLoader):
        pass

    Dumper.add_representer(str, represent_str)
    Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: str(node.value))
    env.filters["to_yaml"] = lambda v: yaml.dump(v, Dumper=Dumper, sort_keys=False)
    env.filters["from_yaml"] = lambda s: yaml.load(s, Loader=Loader)
    env.filters["to_json"] = json.dumps


def environment(opts, files):
    kw = {k: opts[k] for k in SYNTAX if k in opts}
    exts = [] if opts.get("no_extensions") else ["jinja2.ext.do", "jinja2.ext.loopcontrols"]
    env = jinja2.Environment(
        undefined=UNDEFINED[opts.get("undefined", "")],
        extensions=exts,
        loader=jinja2.DictLoader(files or {}),
        cache_size=0,
        **kw,
    )
    if opts.get("custom"):
        custom(env)
    if opts.get("yaml"):
        yaml_filters(env)
    return env


def line_of(e):
    """The line of the deepest template frame, as Jinja2 rewrites tracebacks."""
    if isinstance(e, jinja2.TemplateSyntaxError):
        return e.lineno
    line = 0
    for frame in traceback.extract_tb(e.__traceback__):
        if not frame.filename.endswith(".py") and "jinja2" not in frame.filename:
            line = frame.lineno
    return line


def render(case):
    opts = case.get("opts") or {}
    try:
        env = environment(opts, case.get("files"))
        return {"out": env.from_string(case["tpl"]).render(copy.deepcopy(case.get("ctx") or {}))}
    except MemoryError:
        raise
    except RecursionError:
        return {"error": "RecursionError"}
    except Exception as e:
        name = type(e).__name__
        if isinstance(e, TemplateError):
            name += ": " + str(e.message)
        return {"error": name, "line": line_of(e)}


def stable(answer):
    """Whether another run would answer the same."""
    return not re.search(r"(?i)0x[0-9a-f]{6,}", answer.get("out", "") + answer.get("error", ""))


def versions():
    v = "jinja2 %s, Python %s" % (jinja2.__version__, sys.version.split()[0])
    if yaml:
        v += ", PyYAML " + yaml.__version__
    return v


class Timeout(BaseException):
    """A template that would not end: not an Exception, so that nobody catches it."""


def give_up(signum, frame):
    raise Timeout()


def main():
    # A template can loop for ever, and the fuzzer finds those that do.
    signal.signal(signal.SIGALRM, give_up)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass")
    for line in sys.stdin:
        try:
            case = json.loads(line)
            signal.alarm(5)
            answer = render(case)
            signal.alarm(0)
            if not stable(answer):
                answer = {"error": "unstable"}
        except (Timeout, MemoryError):
            signal.alarm(0)
            answer = {"error": "oracle: timeout"}
        except Exception as e:  # the oracle itself must go on
            answer = {"error": "oracle: %r" % e}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
