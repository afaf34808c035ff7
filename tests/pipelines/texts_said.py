"""Every English text that the code says through a language: found in the sources, and in the tables that it reads."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import yaml

from features.catalogue.activities import ACTIVITIES
from features.catalogue.measures import MEASURES
from features.catalogue.wording import RHYTHM
from models.decision import ranking
from models.explanation.statements import CLAUSES
from models.explanation.topics import STORIES, STORIES_OF_MEASURES, STORIES_OF_REPEATS
from models.kpi.declarations import COUNTED
from models.kpi.figures import CHAPTERS, FIGURES
from models.kpi.moves import STATES
from models.segments import NAMED
from pipelines.outcomes.kpi.presentation.words import GROUPS
from pipelines.outcomes.kpi.rows import FEW_CUSTOMERS, NEEDS, NOBODY_COUNTED

ROOT = Path(__file__).parents[2]
MACHINE = re.compile(r"[a-z]+(_[a-z]+)+|[^A-Za-z]*")  # names of columns beside texts, and no words at all
IN_MARKUP = re.compile(r"""\bsay\(\s*"([^"]*)\"""")


def reasons() -> set[str]:
    """Clauses of the sentences that measures have, and of what numbers are compared with: keys of `reasons`."""
    sentences = [measure.sentence.replace("<rhythm>", RHYTHM) for measure in MEASURES.values()]
    return {clause for sentence in sentences for clause in sentence.split("; ") if clause} | set(CLAUSES.values())


def texts(root: Path = ROOT) -> dict[str, str]:
    """Text -> where it is said: keys of a language's `texts`."""
    nouns = (word for known in ACTIVITIES.values() for word in (known.noun, known.nouns))
    found = dict.fromkeys(nouns, "features/catalogue/activities.py: ACTIVITIES")
    found |= dict.fromkeys(
        (name.replace("_", " ") for name in ACTIVITIES), "features/catalogue/activities.py: ACTIVITIES"
    )
    found |= dict.fromkeys((name for name, _, _ in NAMED), "models/segments.py: NAMED")
    stories = {*STORIES.values(), *STORIES_OF_MEASURES.values(), *STORIES_OF_REPEATS.values()}
    found |= dict.fromkeys(stories, "models/explanation/topics.py: STORIES")
    tiers = getattr(ranking, "TIERS", ("very high", "high", "medium", ranking.LOWEST_TIER))
    found |= dict.fromkeys(tiers, "models/decision/ranking.py: TIERS")
    found |= dict.fromkeys(_kpi(), "models/kpi: declarations, figures, moves")
    found |= dict.fromkeys(_rules(root), "pipelines: rules that keep customers off")
    found |= dict.fromkeys(_playbook(root / "params.yaml"), "params.yaml: playbook")
    trees = {path: ast.parse(path.read_text()) for path in sorted((root / "pipelines").rglob("*.py"))}
    everywhere = {name: value for tree in trees.values() for name, value in _constants(tree).items()}
    for path, tree in trees.items():
        where = path.relative_to(root).as_posix()
        for text, line in _said_in(tree, everywhere | _constants(tree)):
            found.setdefault(text, f"{where}:{line}")
    for path in sorted((root / "pipelines/rendering").rglob("*.jinja")):
        for text in IN_MARKUP.findall(path.read_text()):
            found.setdefault(text, path.relative_to(root).as_posix())
    return found


def _kpi() -> list[str]:
    """Titles and parts of figures, states, groups, what a figure needs."""
    titles = [*(one.title for one in FIGURES), *(title for title, _ in CHAPTERS)]
    return [*titles, *COUNTED.values(), *STATES, *NEEDS.values(), *GROUPS, FEW_CUSTOMERS, NOBODY_COUNTED]


def _rules(root: Path) -> list[str]:
    """Rules that keep customers off the list, as people read their names."""
    found = []
    for path in ("policy/contact_rules.py", "decide.py"):
        known = (root / "pipelines/at_risk" / path).read_text()
        rules = _constants(ast.parse(known)).get("RULES")
        found += (
            [key.value for key in rules.keys if isinstance(key, ast.Constant)] if isinstance(rules, ast.Dict) else []
        )
        found += re.findall(r'"(ordered_since|left_alone)"', known)
    return [str(rule).replace("_", " ") for rule in found]


def _playbook(path: Path) -> list[str]:
    """Actions, owners and channels of the playbook that ships."""
    rules = yaml.safe_load(path.read_text()).get("playbook") or []
    channels = [rule["channel"] for rule in rules if isinstance(rule.get("channel"), str) and rule["channel"] != "any"]
    return [*(rule[key] for rule in rules for key in ("action", "owner") if rule.get(key)), *channels]


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    return {
        name: node.value
        for node in tree.body
        for name in _names(node)
        if name.isupper() and isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
    }


def _names(node: ast.AST) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]


def _said_in(tree: ast.Module, constants: dict[str, ast.expr]) -> list[tuple[str, int]]:
    """Texts that `say(...)` and `count(n, one, many)` are called with, in the functions of a module.

    A bare `say` counts where the function takes it from a language: others report progress. A name stands for what the
    same function, or any module, gives it; a table stands for all that it holds.
    """
    found = []
    for function in [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Lambda))]:
        inside = list(ast.walk(function))
        local = _given(inside)
        ours = any(isinstance(node, ast.Attribute) and node.attr == "say" for node in inside)
        for node in inside:
            if isinstance(node, ast.Call) and (ours or getattr(node.func, "id", "") != "say"):
                for argument in _texts_of(node):
                    found += [(text, node.lineno) for text in _strings(argument, local, constants, 6)]
    return found


def _given(inside: list[ast.AST]) -> dict[str, list[ast.expr]]:
    """Name -> what a function assigns to it, or loops over for it."""
    found: dict[str, list[ast.expr]] = {}
    for node in inside:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for name in _names(node):
                found.setdefault(name, []).append(node.value)
        elif isinstance(node, (ast.For, ast.comprehension)):
            for target in ast.walk(node.target):
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.iter)
    return found


def _texts_of(call: ast.Call) -> list[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "say":
        return call.args[:1]
    return call.args[1:3] if name == "count" and len(call.args) == 3 else []


def _strings(node: ast.expr, local: dict[str, list[ast.expr]], constants: dict[str, ast.expr], depth: int) -> list[str]:
    """Strings that an expression may be."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and not MACHINE.fullmatch(node.value) else []
    if isinstance(node, ast.IfExp):
        return _strings(node.body, local, constants, depth) + _strings(node.orelse, local, constants, depth)
    held = _held(node, local, constants)
    inward = depth if isinstance(node, (ast.Tuple, ast.List, ast.Dict)) else depth - 1
    return [text for one in held for text in _strings(one, local, constants, inward)] if depth else []


def _held(node: ast.expr, local: dict[str, list[ast.expr]], constants: dict[str, ast.expr]) -> list[ast.expr]:
    """What an expression stands for."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return node.elts
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.Name):
        return local.get(node.id) or [constants[node.id]] if node.id in {**local, **constants} else []
    if isinstance(node, ast.Attribute):
        return [constants[node.attr]] if node.attr in constants else []
    if isinstance(node, ast.Subscript):
        return [node.value]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "items"):
        return [node.func.value, *node.args[1:]]
    return []
