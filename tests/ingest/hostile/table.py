"""All hostile files there are."""

from ingest.containers import is_archive
from ingest.loaders import supports
from tests.ingest.hostile import (
    archives,
    data,
    mails,
    markup,
    office,
    pdfs,
    pictures,
    places,
    spoilt,
    texts,
)
from tests.ingest.hostile.row import Row

_KINDS = (spoilt, texts, markup, data, office, pdfs, pictures, mails, archives, places)

ROWS: dict[str, Row] = {
    f"{kind.__name__.rpartition('.')[2]}-{number:03}": row
    for kind in _KINDS
    for number, row in enumerate(kind.rows())
    if kind is places or supports(row.name) or is_archive(row.name)
}
"""By the name of the folder that each is put into; what no parser reads cannot harm one."""
