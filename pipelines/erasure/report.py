"""What `churn forget` says when it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.erasure.dvc_cache import Purged
from pipelines.erasure.published import FromPublished
from pipelines.erasure.stores import FromFiles


@dataclass
class Forgotten:
    """What was done: in files, in what was published, in DVC's stores; and remotes out of reach by name."""

    files: FromFiles = field(default_factory=FromFiles)
    published: FromPublished = field(default_factory=FromPublished)
    purged: list[Purged] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)

    @property
    def found(self) -> bool:
        """Whether anything spoke of them; of what was deleted whatever it says, nobody knows."""
        rewritten = [*self.files.rewritten, *self.published.rewritten, *self.published.former]
        return bool(rewritten or any(one.objects for one in self.purged))

    @property
    def unreadable(self) -> list[str]:
        """Files of which nobody can say whether they speak of them."""
        return [*self.published.unreadable, *self.files.unreadable]


def report_lines(done: Forgotten) -> list[str]:
    """The report, in words."""
    lines = ["The customer is forgotten; every later pull leaves them out (data/forgotten.json: share it with clones)."]
    if not done.found:
        lines.append("Nothing here spoke of them: is the id right? Capitals and leading zeros count.")
    lines += _listed("Rewritten without them:", [*done.published.rewritten, *done.files.rewritten])
    lines += _listed("Deleted, whoever it spoke of, and made again by the next `churn run`:", done.files.deleted)
    lines += _listed("Deleted for good, because it was of before:", done.published.former)
    lines += [f"DVC's store {one.where}: {len(one.objects):,} objects deleted." for one in done.purged if one.objects]
    older = sorted({run for one in done.purged for run in one.runs})
    lines += _listed("Older results that can no longer be rebuilt as they were:", older)
    lines += _out_of_reach(done)
    lines.append(
        "Not touched: your sources; whatever was sent or copied out of this project, backups too (after a restore: "
        "`churn forget --again`); scores that a version before this one wrote with --out; the champion, which holds no "
        "customer, but learnt from all until `churn run` and `churn promote` put one in its place that did not."
    )
    return lines


def _out_of_reach(done: Forgotten) -> Iterator[str]:
    for name, address in sorted(done.elsewhere.items()):
        yield (
            f"The remote {name} ({address}) is out of reach from here and may hold them still. After the next "
            f"`churn run`: dvc gc --workspace --cloud --remote {name}, and delete its folder `runs`."
        )
    yield from _listed(
        "Published lists went here, and may be there still; take the customer out:", done.published.elsewhere
    )
    yield from _listed("Written once, but no longer there; if it was moved, take the customer out:", done.files.moved)
    yield from _listed("Not looked into, because it is no table; look yourself:", done.files.unknown)


def _listed(title: str, places: list[str]) -> list[str]:
    return [title, *(f"  {place}" for place in sorted(Counter(places)))] if places else []
