"""Downloads written into a catalog's record."""

from affineur.storage.catalog import downloads
from affineur.storage.catalog.downloads import AddressKept, Batch, Download, PageRequest

PIP = 'pip/26.3 {"ci":true,"cpu":"x86_64","python":"3.11.7","system":{"name":"Linux","release":"6.1"}}'


def download(filename="gouda-1.0.tar.gz", *, principal="", token="", agent="pip/26", status=200, **more):
    place = {"index": "main", "project": "gouda", "version": "1.0", **more}
    return Download(filename=filename, principal=principal, token=token, agent=agent, status=status, **place)


def page_request(project="gouda", *, index="main", principal="", token="", agent="pip/26"):
    return PageRequest(index, project, principal, token, agent)


def record(catalog, *rows, pages=(), address=AddressKept.FULL, written=True, lost=(0, 0, 0)):
    """Write rows of (download, moment) or (download, moment, address or times or cold), and page requests."""
    batch = Batch(lost=lost[0], lost_since=lost[1], lost_until=lost[2])
    for given, moment, *more in rows:
        where = next((value for value in more if isinstance(value, str)), "")
        times = next((value for value in more if isinstance(value, int) and not isinstance(value, bool)), 1)
        key = (given, where, int(moment.timestamp()), True in [value is True for value in more])
        batch.downloads[key] = batch.downloads.get(key, 0) + times
    for page, moment in pages:
        key = (page, int(moment.timestamp()) // 3600 * 3600)
        batch.pages[key] = batch.pages.get(key, 0) + 1
    catalog.write_now(downloads.append, batch, written=written, address=address)
