"""Load files belong on local disks."""

from __future__ import annotations

from pathlib import Path

import pytest
from loads import make_plan

from tokfluence_async.campaign import filesystem
from tokfluence_async.campaign.filesystem import file_system_of, network_file_system
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.errors import LoadFileError

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /mnt/team rw - nfs4 server:/export rw
31 22 0:26 / /mnt/team/local rw - xfs /dev/vdb rw
32 22 0:27 / /mnt/with\040blank rw - cifs //server/share rw
33 22 0:28 / /over rw - ext4 /dev/vdc rw
34 33 0:29 / /over rw - fuse.sshfs host:/ rw
not a line of that form
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/load.tokload", "ext4"),
        ("/mnt/team/load.tokload", "nfs4"),
        ("/mnt/teammates/load.tokload", "ext4"),
        ("/mnt/team/local/load.tokload", "xfs"),
        ("/mnt/with blank/load.tokload", "cifs"),
        ("/over/load.tokload", "fuse.sshfs"),
    ],
)
def test_the_innermost_mount_counts(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


NETWORK = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs")
LOCAL = ("ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs")


@pytest.mark.parametrize("kind", [*NETWORK, *LOCAL])
def test_network_file_systems(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 254:0 / / rw - {kind} /dev/x rw\n")
    monkeypatch.setattr(filesystem, "MOUNTS", mounts)
    assert network_file_system(tmp_path) == (kind if kind in NETWORK else None)
    file = tmp_path / "spring.tokload"
    if kind in LOCAL:
        LoadFile.create(file, make_plan(1)).close()
        return
    with pytest.raises(LoadFileError, match=f"{kind}.*local disk"):
        LoadFile.create(file, make_plan(1))
    assert not file.exists()


def test_a_system_that_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "missing")
    assert network_file_system(tmp_path) is None
