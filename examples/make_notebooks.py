"""Makes the notebooks of the examples, as keras.io's are made of scripts: python examples/make_notebooks.py [FOLDER]

A text in triple quotes at the left margin is a cell of text, and what lies between two of them a cell of code. The
first one is the head: lines of "Title: ..." and the like.
"""

import ast
import inspect
import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent


def scripts() -> list[pathlib.Path]:
    """The examples that notebooks are made of: those with a head."""
    return [path for path in sorted(FOLDER.glob("*.py")) if path.read_text("utf-8").startswith('"""\nTitle: ')]


def notebook(script: str) -> str:
    """The notebook, JSON (nbformat 4.4), of a script."""
    lines, cells, end = script.splitlines(), [], 0

    def add(kind: str, text: str) -> None:
        if text:
            code = {"execution_count": None, "outputs": []} if kind == "code" else {}
            cells.append({"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True), **code})

    for node in ast.parse(script).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            add("code", "\n".join(lines[end : node.lineno - 1]).strip())
            text = inspect.cleandoc(node.value.value)
            add("markdown", text if end else _head(text))
            end = node.end_lineno
    add("code", "\n".join(lines[end:]).strip())
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _head(text: str) -> str:
    title, *facts = (line.split(": ", 1) for line in text.splitlines())
    return "\n".join([f"# {title[1]}", "", *(f"**{name}:** {value}<br>" for name, value in facts)])


if __name__ == "__main__":
    for path in scripts():
        target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER, f"{path.stem}.ipynb")
        target.write_text(notebook(path.read_text("utf-8")), "utf-8")
