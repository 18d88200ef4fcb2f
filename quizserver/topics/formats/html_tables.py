"""Tables in a tree of HTML: their rows and cells, and whether markdown has a sign for them."""

from __future__ import annotations

from quizserver.topics.formats.html_tree import BLOCKS, Node


def is_block(node: Node) -> bool:
    """Whether an element is a block, or holds one."""
    if node.tag in BLOCKS:
        return True
    return any(isinstance(child, Node) and is_block(child) for child in node.children)


def rows_of(node: Node) -> list[Node]:
    """The rows of a table, those of its sections as well."""
    found: list[Node] = []
    for child in node.children:
        if isinstance(child, Node):
            found.extend([child] if child.tag == "tr" else rows_of(child))
    return found


def cells_of(row: Node) -> list[Node]:
    """The cells of a row."""
    return [child for child in row.children if isinstance(child, Node)]


def is_plain_table(node: Node) -> bool:
    """Whether a table has a header row, as many cells in each row, and only text in them."""
    rows = [cells_of(row) for row in rows_of(node)] if node.tag == "table" else []
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        return False
    cells = [cell for row in rows for cell in row]
    return all(cell.tag == "th" for cell in rows[0]) and not any(
        cell.attributes.keys() - {"align"}
        or "|" in cell.text()
        or any(isinstance(c, Node) and is_block(c) for c in cell.children)
        for cell in cells
    )
