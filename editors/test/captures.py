"""Parses a corpus with a compiled tree-sitter grammar and prints its highlight captures as JSON.

captures.py LIBRARY HIGHLIGHTS.scm CORPUS-FOLDER
"""

import ctypes
import json
import pathlib
import sys

import tree_sitter


def first_error(node):
    """Returns the first node that is wrong, in a few words."""
    stack = [node]
    while stack:
        node = stack.pop()
        if node.type == "ERROR" or node.is_missing:
            row, column = node.start_point
            return f"{node.type} at {row + 1}:{column + 1}"
        stack.extend(reversed(node.children))
    return None


def main() -> None:
    library, highlights, corpus = sys.argv[1:]
    loaded = ctypes.cdll.LoadLibrary(library)
    loaded.tree_sitter_kestrel.restype = ctypes.c_void_p
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype = ctypes.py_object
    capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    language = tree_sitter.Language(capsule(loaded.tree_sitter_kestrel(), b"tree_sitter.Language", None))
    parser = tree_sitter.Parser(language)
    query = tree_sitter.Query(language, pathlib.Path(highlights).read_text())
    found = {}
    for path in sorted(pathlib.Path(corpus).glob("*.hf")):
        tree = parser.parse(path.read_bytes())
        captures = []
        for name, nodes in tree_sitter.QueryCursor(query).captures(tree.root_node).items():
            captures += [[node.start_byte, node.end_byte, name] for node in nodes]
        error = first_error(tree.root_node) if tree.root_node.has_error else None
        found[path.name] = {"captures": sorted(captures), "error": error}
    json.dump(found, sys.stdout)


main()
