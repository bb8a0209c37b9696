"""Draws the floors of the package from its imports: docs/floors.svg.

    python -m benchmarks.draw_floors [--check]

With `--check` nothing is written; the command fails where the picture is not that of the imports.
"""

import argparse
import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE, PICTURE = ROOT / "hemosim_jax", ROOT / "docs" / "floors.svg"
TOWER = (
    ("experiment", "command line, run records"),
    ("interop", "Gymnasium, five-value bridge"),
    ("testing", "the contract, for everyone to run"),
    ("registry", "ids to tasks"),
    ("tasks", "one folder a task"),
    ("physiology", "medicine that two tasks need"),
    ("outcomes", "scores for any trajectory"),
    ("core", "the contract; knows no medicine"),
    ("integrate", "diffrax and our solvers"),
)
BESIDE = (("learning", "PPO, DQN"), ("evaluation", "held-out patients"), ("plotting", "charts"))
WIDTH, HEIGHT, GAP, LEFT, RIGHT = 250, 44, 22, 20, 520


def imports() -> set[tuple[str, str]]:
    """Pairs of folders of which the first imports from the second."""
    arrows = {("registry", "tasks")}  # by name, one folder a line
    for path in PACKAGE.rglob("*.py"):
        source = path.relative_to(PACKAGE).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            module = getattr(node, "module", None) or ""
            if isinstance(node, ast.ImportFrom) and module.startswith("hemosim_jax."):
                target = module.split(".")[1]
                if target != source and source != "__init__":
                    arrows.add((source, target))
    return arrows


def boxes() -> dict[str, tuple[int, int]]:
    """Upper left corners by folder."""
    places = {name: (LEFT, 20 + i * (HEIGHT + GAP)) for i, (name, _) in enumerate(TOWER)}
    middle = [3, 5, 7]
    places |= {
        name: (RIGHT, 20 + row * (HEIGHT + GAP))
        for (name, _), row in zip(BESIDE, middle, strict=True)
    }
    return places


def svg() -> str:
    """The picture."""
    places, lines = boxes(), []
    words = dict((*TOWER, *BESIDE))
    height = 20 + len(TOWER) * (HEIGHT + GAP)
    order = [name for name, _ in TOWER]
    for source, target in sorted(imports()):
        (x0, y0), (x1, y1) = places[source], places[target]
        if source in order and target in order:
            steps = order.index(target) - order.index(source)
            bow = LEFT + WIDTH + 14 + 24 * (steps - 1) if steps > 1 else LEFT + WIDTH / 2
            if steps == 1:
                path = f"M {bow} {y0 + HEIGHT} L {bow} {y1}"
            else:
                a, b, edge = y0 + HEIGHT * 0.7, y1 + HEIGHT * 0.3, LEFT + WIDTH
                path = f"M {edge} {a:.0f} C {bow} {a:.0f}, {bow} {b:.0f}, {edge} {b:.0f}"
        else:
            near, far = (x0, x1 + WIDTH) if x0 > x1 else (x0 + WIDTH, x1)
            path = f"M {near} {y0 + HEIGHT / 2:.0f} L {far} {y1 + HEIGHT / 2:.0f}"
        lines.append(
            f'<path d="{path}" fill="none" stroke="#6b7a8f" stroke-opacity="0.6" '
            f'stroke-width="1.2" '
            f'marker-end="url(#tip)"><title>{source} to {target}</title></path>'
        )
    for name, (x, y) in places.items():
        lines.append(
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="#eef3f8" '
            f'stroke="#1b6ca8"/><text x="{x + 12}" y="{y + 19}" font-weight="bold">{name}</text>'
            f'<text x="{x + 12}" y="{y + 36}" font-size="12">{words[name]}</text>'
        )
    body = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {RIGHT + WIDTH + 20} {height}" '
        'font-family="sans-serif" font-size="14">\n'
        '<defs><marker id="tip" markerUnits="userSpaceOnUse" markerWidth="9" markerHeight="9" '
        'viewBox="0 0 6 6" refX="6" refY="3" orient="auto">'
        '<path d="M0,0 L6,3 L0,6 z" fill="#6b7a8f"/></marker></defs>\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.check:
        if PICTURE.read_text() != svg():
            raise SystemExit(f"{PICTURE.name} is out of date: python -m benchmarks.draw_floors")
        return
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg())


if __name__ == "__main__":
    main()
