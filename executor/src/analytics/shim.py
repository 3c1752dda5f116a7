"""Runs one Python analytic in a process of its own.

Its folder holds `job.json` and the input tables; it writes the tables that the analytic returns,
`display.html` and, last of all, `answer.json` there. Nothing but Parquet, JSON and HTML crosses.
"""

import importlib.util
import inspect
import json
import math
import os
import sys
import traceback

FOLDER = os.path.dirname(os.path.abspath(__file__))
MOST_TRACE = 8000


class Failure(Exception):
    """What ends the run with a message of a kind that the caller knows."""

    def __init__(self, kind, message, trace=None, **more):
        super().__init__(message)
        self.answer = {"kind": kind, "message": message, "trace": trace, **more}


def main():
    with open(os.path.join(FOLDER, "job.json"), encoding="utf-8") as handle:
        job = json.load(handle)
    try:
        answer = {"ok": run(job)}
    except Failure as failure:
        answer = {"error": failure.answer}
    text = json.dumps(answer)
    half = os.path.join(FOLDER, "answer.half")
    with open(half, "w", encoding="utf-8") as handle:
        handle.write(text)
    os.rename(half, os.path.join(FOLDER, "answer.json"))
    flush()
    # Threads that the analytic left behind must not keep the process alive.
    os._exit(0)


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass


def run(job):
    die_with_parent()
    # The analytic sees the import path that a program in no folder would have.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != FOLDER]
    pandas, pyarrow = libraries()
    tables = [read_table(pandas, table) for table in job["tables"]]
    limit_memory(job.get("memory"))
    function = load(job)
    check_count(function, len(tables), job)
    try:
        returned = function(*tables)
    except Failure:
        raise
    except BaseException as error:  # SystemExit and KeyboardInterrupt too
        raise failed(error) from None
    return answer(returned, job, pandas, pyarrow)


def die_with_parent():
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
    except Exception:  # not Linux, or no ctypes: the caller kills the group anyway
        pass


def libraries():
    try:
        import pandas
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        name = getattr(error, "name", None) or str(error)
        raise Failure(
            "library",
            "the interpreter `%s` misses the library `%s`, which analytics need" % (sys.executable, name),
            library=name,
            interpreter=sys.executable,
        ) from None
    return pandas, pyarrow


def read_table(pandas, table):
    """Text as Python objects and missing text as None, as analytics written for Kestrel 1.8 expect."""
    import pyarrow
    import pyarrow.parquet

    data = pyarrow.parquet.read_table(os.path.join(FOLDER, table["file"]), use_threads=False)
    columns = {}
    for n, column in enumerate(data.columns):
        if pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type):
            columns[n] = pandas.Series(column.to_numpy(zero_copy_only=False), dtype=object)
        else:
            columns[n] = column.to_pandas()
    # A copy, since converted columns may be read-only.
    frame = pandas.DataFrame(columns).copy()
    frame.columns = pandas.Index(table["columns"], dtype=object)
    return frame


def limit_memory(most):
    if not most:
        return
    try:
        import resource
    except ImportError:
        return
    used = 0
    try:
        with open("/proc/self/statm", encoding="ascii") as handle:
            used = int(handle.read().split()[0]) * resource.getpagesize()
    except OSError:
        pass
    limit = used + int(most)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def load(job):
    """Sets the stage as Kestrel 1.8 does, then loads the module from its file."""
    module_path = job["module"]
    folder = os.path.dirname(module_path)
    os.environ.setdefault("MPLBACKEND", "Agg")
    for name, value in job["arguments"]:
        try:
            os.environ[name] = value
        except ValueError as error:
            raise Failure("failed", "argument `%s` cannot be an environment variable: %s" % (name, error)) from None
    try:
        os.chdir(folder)
    except OSError as error:
        raise Failure("invalid", "its folder `%s` cannot be entered: %s" % (folder, error.strerror)) from None
    sys.path.append(folder)
    name = "kestrel_analytics_" + os.path.splitext(os.path.basename(module_path))[0]
    spec = importlib.util.spec_from_file_location(name, module_path)
    if spec is None or spec.loader is None:
        raise Failure("invalid", "`%s` is no Python module" % module_path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except FileNotFoundError as error:
        if error.filename == module_path:
            raise Failure("invalid", "its module `%s` does not exist" % module_path) from None
        raise failed(error) from None
    except BaseException as error:
        raise failed(error) from None
    function = getattr(module, job["function"], None)
    if not callable(function):
        names = [key for key, value in vars(module).items() if inspect.isfunction(value) and not key.startswith("_")]
        raise Failure(
            "invalid", "its module `%s` has no function `%s`" % (module_path, job["function"]), functions=names[:20]
        )
    return function


def check_count(function, given, job):
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in positional if p.default is p.empty]
    anything = any(p.kind == p.VAR_POSITIONAL for p in parameters)
    if given < len(needed) or (given > len(positional) and not anything):
        raise Failure("count", "wrong number of variables", wanted=len(needed) if given < len(needed) else len(positional))


def failed(error):
    """Turns an exception of the analytic into a failure, without the frames of this file."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return Failure(
            "library",
            "it misses dependent library: %s" % error.name,
            trace=trace(error),
            library=error.name,
            interpreter=sys.executable,
        )
    if isinstance(error, SystemExit):
        return Failure("failed", "it ended the program with exit code %s" % (error.code,), trace=trace(error))
    if isinstance(error, MemoryError):
        return Failure("failed", "it ran out of memory (MemoryError)", trace=trace(error))
    lines = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()
    # A syntax error begins with its place; other messages may have several lines.
    line = lines[-1] if isinstance(error, SyntaxError) else lines[0]
    return Failure("failed", line or type(error).__name__, trace=trace(error))


def trace(error):
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code.co_filename in (__file__, os.path.abspath(__file__)):
        at = at.tb_next
    while at is not None and at.tb_frame.f_code.co_filename.startswith("<frozen importlib"):
        at = at.tb_next
    lines = traceback.format_exception(type(error), error, at, limit=-20)
    text = "".join(lines).strip()
    return text if len(text) <= MOST_TRACE else "..." + text[-MOST_TRACE:]


# ------------------------------------------------------------------ what comes back


def answer(returned, job, pandas, pyarrow):
    items = returned if isinstance(returned, tuple) else (returned,)
    tables, displays = [], []
    for item in items:
        if isinstance(item, pandas.DataFrame):
            tables.append(item)
            continue
        html = display(item)
        if html is None:
            raise Failure("failed", "it returned `%s`, which is neither a DataFrame nor a display" % type(item).__name__)
        displays.append(html)
    if len(displays) > 1:
        raise Failure("failed", "it returned %d displays; one is the most" % len(displays))
    given = len(job["tables"])
    if tables and len(tables) != given:
        raise Failure("failed", "it returned %d tables for %d variables" % (len(tables), given))
    written = [write_table(table, n, pyarrow) for n, table in enumerate(tables)]
    if displays:
        with open(os.path.join(FOLDER, "display.html"), "w", encoding="utf-8", errors="replace") as handle:
            handle.write(displays[0])
    return {"tables": written, "display": bool(displays)}


def display(item):
    """Returns an item as HTML; None if it is nothing to show."""
    if isinstance(item, str):
        return item
    if item is None or isinstance(item, type):
        return None
    try:
        return rendered(item)
    except Failure:
        raise
    except BaseException as error:
        broken = failed(error)
        broken.answer["message"] = "its display cannot be rendered: " + broken.answer["message"]
        raise broken from None


def rendered(item):
    kinds = {"%s.%s" % (kind.__module__, kind.__qualname__) for kind in type(item).__mro__}
    if "matplotlib.figure.Figure" in kinds:
        import io

        out = io.StringIO()
        item.savefig(out, format="svg", bbox_inches="tight")
        text = out.getvalue()
        return text[max(text.find("<svg"), 0):]
    if "bokeh.model.model.Model" in kinds:
        from bokeh.embed import file_html
        from bokeh.resources import INLINE

        return file_html(item, INLINE)
    if "plotly.basedatatypes.BaseFigure" in kinds:
        return item.to_html(full_html=True, include_plotlyjs=True)
    if any(kind.startswith(("pandas.", "numpy.")) for kind in kinds):
        return None
    for name in ("to_html", "_repr_html_"):
        method = getattr(item, name, None)
        if callable(method):
            html = method()
            if isinstance(html, str):
                return html
    return None


def write_table(frame, n, pyarrow):
    import pyarrow.parquet

    names = [str(name) for name in frame.columns]
    arrays = [column(frame.iloc[:, at], pyarrow) for at in range(len(names))]
    table = pyarrow.table(arrays, names=["c%d" % at for at in range(len(names))])
    name = "out-%d.parquet" % n
    pyarrow.parquet.write_table(table, os.path.join(FOLDER, name), compression="none")
    return {"file": name, "columns": names, "rows": len(frame)}


def column(series, pyarrow):
    """Returns a column as text, 64-bit integers, floats, booleans or timestamps without zone (UTC)."""
    kind = series.dtype.kind if hasattr(series.dtype, "kind") else "O"
    if kind in "biuf" and str(series.dtype).lower() != "category":
        target = {"b": pyarrow.bool_(), "i": pyarrow.int64(), "u": pyarrow.int64(), "f": pyarrow.float64()}[kind]
        try:
            return pyarrow.array(series.reset_index(drop=True), type=target, from_pandas=True)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, pyarrow.ArrowNotImplementedError, OverflowError):
            pass
    if kind == "M":
        times = series.reset_index(drop=True)
        if getattr(times.dtype, "tz", None) is not None:
            times = times.dt.tz_convert("UTC").dt.tz_localize(None)
        return pyarrow.array(times, from_pandas=True).cast(pyarrow.timestamp("us"), safe=False)
    if kind == "m":
        return pyarrow.array(series.dt.total_seconds().reset_index(drop=True), type=pyarrow.float64(), from_pandas=True)
    values = list(series.astype(object))
    try:
        # Fast for what most columns are: text and None.
        if all(value is None or type(value) is str for value in values):
            return pyarrow.array(values, type=pyarrow.string())
    except (UnicodeEncodeError, pyarrow.ArrowException):
        pass
    return mixed([plain(value) for value in values], pyarrow)


def mixed(values, pyarrow):
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pyarrow.array(values, type=pyarrow.bool_())
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pyarrow.array(values, type=pyarrow.int64())
    if kinds and kinds <= {int, float}:
        return pyarrow.array([None if value is None else float(value) for value in values], type=pyarrow.float64())
    return pyarrow.array([None if value is None else text(value) for value in values], type=pyarrow.string())


def plain(value):
    """Returns a value as None, bool, int, float or text; structures as JSON text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        value = float(value)
        return None if math.isnan(value) or math.isinf(value) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.hex()
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return as_json(value)
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "isoformat"):
        return moment(value)
    if type(value).__name__ == "ndarray":
        return as_json(value.tolist())
    if hasattr(value, "item"):
        try:
            return plain(value.item())
        except (TypeError, ValueError):
            pass
    if type(value).__name__ == "Decimal":
        return float(value)
    return str(value)


def moment(value):
    import datetime

    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        shown = datetime.datetime.isoformat(value.replace(tzinfo=None), timespec="microseconds")
        return shown.rstrip("0").rstrip(".") + "Z" if "." in shown else shown + "Z"
    return value.isoformat()


def as_json(value):
    def structure(value, depth):
        if depth > 64:
            return str(value)
        if isinstance(value, dict):
            return {str(key): structure(one, depth + 1) for key, one in value.items()}
        if isinstance(value, (set, frozenset)):
            return sorted((structure(one, depth + 1) for one in value), key=str)
        if isinstance(value, (list, tuple)):
            return [structure(one, depth + 1) for one in value]
        if type(value).__name__ == "ndarray":
            return structure(value.tolist(), depth + 1)
        return plain(value)

    return json.dumps(structure(value, 0), ensure_ascii=False, separators=(",", ":"))


def text(value):
    shown = value if isinstance(value, str) else json.dumps(value)
    return shown.encode("utf-8", "replace").decode("utf-8")


if __name__ == "__main__":
    main()
