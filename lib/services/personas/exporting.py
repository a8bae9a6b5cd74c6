"""Which personas are exported and what may stay in their files; and all of them as one archive to download."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection, Sequence

from lib.errors import Ambiguous, BadInput
from lib.models import Persona
from lib.services.catalogue.catalogue import Catalogue, Listing
from lib.services.personas import files
from lib.services.personas.content import content_of
from lib.services.personas.fields import REPLICA
from lib.services.personas.rows import ABSENT, get

MOST_FILES = 1_000
MOST_BYTES = 64 << 20
"""Of an archive, unpacked."""


def own(listing: Listing[Persona], names: Collection[str] = ()) -> list[Persona]:
    """The account's own personas, or those of these names. Raises BadInput for a name that none has.

    Raises Ambiguous where the list is known to be incomplete: a persona that is left out would look deleted.
    """
    if listing.error is not None:
        raise listing.error
    if not listing.complete:
        raise Ambiguous("Tavus's list of personas is incomplete.", hint="Nothing was written. Try again in a moment.")
    found = [persona for persona in listing.items if not persona.stock]
    missing = sorted(set(names) - {persona.name for persona in found})
    if missing:
        raise BadInput(f"No persona of your own is called “{missing[0]}”.", hint="Give the name exactly as it is.")
    return [persona for persona in found if not names or persona.name in names]


def stock_replicas(catalogue: Catalogue, personas: Sequence[Persona]) -> frozenset[str]:
    """The ids of Tavus's stock replicas, which mean the same in every account; asked for only where one is named.

    Raises UpstreamError.
    """
    if all(get(content_of(persona.raw).fields, REPLICA.path) in (ABSENT, "") for persona in personas):
        return frozenset()
    return frozenset(replica.id for replica in catalogue.replicas(max_age_s=60).items if replica.stock)


def archive(personas: Sequence[Persona], *, ids: bool = False, stock: Collection[str] = ()) -> bytes:
    """A ZIP of their files. Raises BadInput for a persona that no file can hold."""
    packed = io.BytesIO()
    names = files.file_names([persona.name for persona in personas])
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name, persona in zip(names, personas, strict=True):
            out.writestr(name, files.text(content_of(persona.raw), ids=ids, stock=stock))
    return packed.getvalue()


def unpacked(name: str, raw: bytes) -> list[tuple[str, bytes]]:
    """The persona files in an archive, by name; a file that is none comes back as it is.

    Raises BadInput for an archive that is broken, locked, too full or too large.
    """
    if not name.lower().endswith(".zip"):
        return [(name, raw)]
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = [entry for entry in archive.infolist() if _is_persona_file(entry)]
            if len(entries) > MOST_FILES:
                raise BadInput(f"{name} holds {len(entries):,} files; {MOST_FILES:,} is the most.", hint="Split it.")
            out = []
            for entry in entries:
                with archive.open(entry) as stream:
                    # One byte more than is read of any file, whatever the archive says of its size.
                    out.append((entry.filename, stream.read(files.MOST_BYTES + 1)))
                if sum(len(content) for _, content in out) > MOST_BYTES:
                    raise BadInput(f"{name} unpacks to more than {MOST_BYTES:,} bytes.", hint="Split it.")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error):
        hint = "Pack it again without a password, or choose the files in it."
        raise BadInput(f"{name} can't be opened as a ZIP archive.", hint=hint) from None
    if not out:
        raise BadInput(f"{name} holds no persona files (*.yaml).", hint="Choose another archive.")
    return out


def _is_persona_file(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename.rpartition("/")[2]
    hidden = name.startswith(".") or "__MACOSX/" in entry.filename
    return name.lower().endswith(files.ENDINGS) and not hidden and not entry.is_dir()
