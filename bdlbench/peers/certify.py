"""Check the samplers of other libraries, and keep their certificates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bdlbench.checks import certificate
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.peers.catalogue import PEERS
from bdlbench.peers.peer import Peer
from bdlbench.registry import nearest
from bdlbench.storage import documents

INSTALL = "pip install 'bdlbench[peers]'"


def chosen(name: str | None) -> tuple[Peer, ...]:
    """Return the peers with a name, or whose library has it; all for None.

    Raises:
        BdlbenchError: There are none.
    """
    found = tuple(peer for peer in PEERS if name in (None, peer.name, peer.library))
    if not found:
        known = sorted({word for peer in PEERS for word in (peer.name, peer.library)})
        raise BdlbenchError(
            f"no peer {name!r}{nearest(str(name), known, 'docs/public-samplers.md')}"
        )
    return found


def certify(
    peers: Sequence[Peer],
    quick: bool,
    results: Path,
    say: Callable[[str], None],
    seed: int | None = None,
) -> None:
    """Check peers one by one; a kept certificate of the same versions is not repeated.

    Args:
        peers: The peers; those whose library is not installed are named.
        quick: Skip the slow checks, and keep no certificate.
        results: Folder of the certificates.
        say: Prints a line.
        seed: As in `certificate.check`.

    Raises:
        RecordError: A certificate is corrupt.
    """
    for peer in peers:
        found = installed(peer.library)
        if found is None:
            say(f"{peer.name}: {peer.library} is not installed: {INSTALL}")
            continue
        reference = str(peer.plugin)
        try:
            if not quick and is_current(results, peer):
                say(f"{peer.name}: {peer.library} {found}: kept in {results / peer.kept.file}")
                continue
            say(f"{peer.name}: {peer.library} {found}")
            certificate.check(reference, quick, results, say, seed, peer.kept)
        except PluginError as error:  # its library cannot be imported
            say(f"{peer.name}: {error}")


def installed(library: str) -> str | None:
    """Return the version of a distribution, or None if it is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def is_current(results: Path, peer: Peer) -> bool:
    """Return whether a peer has a certificate of the present versions.

    Raises:
        PluginError: Its library cannot be imported.
        RecordError: The file is corrupt.
    """
    path = results / peer.kept.file
    if not path.is_file():
        return False
    _, identity = certificate.present_version(str(peer.plugin))
    expected = {
        **certificate.versions(identity),
        "libraries": certificate.libraries(peer.kept),
        "left_out": list(peer.without),
    }
    content = documents.read(path, certificate.REMEDY)
    return all(content.get(key) == value for key, value in expected.items())
