"""Memory that ends, by the system's own limit."""

from __future__ import annotations

import shutil

from faults.commands import COMMANDS, differences
from faults.kills import Killer
from faults.rows import Row


def memory(killer: Killer, tries: int) -> Row:
    """Train under RLIMIT_DATA, a little above what the process holds when it begins; then without.

    What the run held before its first checkpoint is not kept, so that the run given again equals the undisturbed one
    as long as its batch stays. A library that aborts the process where it gets no memory leaves no room for a sentence:
    that is a kill like any other.
    """
    command, struck, aborted, lost, sentences = COMMANDS["train classes"], 0, 0, [], set()
    whole = killer.undisturbed(command)
    for number in range(tries):
        folder = killer.fresh(command, f"memory-{number}")
        ended = killer.server.run(command.give(killer.base, folder), more_data_mb=killer.random.uniform(2, 40))
        struck += ended.code != 0
        aborted += ended.code < 0
        sentences.add(ended.sentence.replace(str(folder), "…"))
        if ended.code > 0 and not ended.sentence:
            lost.append(f"no sentence, exit {ended.code}: {ended.stderr[-700:]}")
        again = killer.server.run(command.give(killer.base, folder)) if ended.code else ended
        found = [again.stderr[-500:]] if again.code else differences(command.result(folder), whole.result)[:5]
        lost += found
        if not found:
            shutil.rmtree(folder)
    happened = f"{struck - aborted} times a sentence"
    if aborted:
        happened += f", {aborted} times a library aborted the process, as a kill does"
    happened += "; with more memory the run went on and equals the undisturbed one"
    return Row("RLIMIT_DATA: train classes", struck, happened, lost, sorted(sentences))
