"""Evaluation that cannot be fooled: stated conditions, baselines, paired intervals. `hdrrecon evaluate`."""

_PUBLIC = {
    "CONDITIONS": "conditions",
    "PROTOCOL": "conditions",
    "Condition": "conditions",
    "take_photo": "conditions",
    "Settings": "runner",
    "run": "runner",
    "Summary": "statistics",
    "summarise": "statistics",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str):
    # Lazy: the command line imports `cli.evaluate` to print its help, and help must not wait for numpy.
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(f"hdrrecon.evaluation.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'hdrrecon.evaluation' has no attribute {name!r}")
