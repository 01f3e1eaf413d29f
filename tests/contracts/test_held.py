"""The list of a source's projects follows every change, whoever made it."""

from affineur.model.events import Event
from affineur.sources.held import Held


def enter(change, *events):
    for event in events:
        change.enter(event)


async def test_the_list_held_follows_what_changes(catalog):
    held = Held("public", catalog)
    assert await held.projects() == {}
    await catalog.write(enter, Event("page.refreshed", "public", "brie"), Event("file.uploaded", "internal", "gouda"))
    first = await held.projects()
    assert first == {"brie": 1}
    await catalog.write(enter, Event("page.refreshed", "public", "cheddar"))
    await catalog.write(enter, Event("page.refreshed", "public", "brie"), Event("token.created"))
    assert await held.projects() == {"brie": 4, "cheddar": 3} == await Held("public", catalog).projects()
    assert first == {"brie": 1}


async def test_only_the_first_look_reads_the_whole_list(catalog):
    import sqlalchemy as sa

    held = Held("public", catalog)
    await catalog.write(enter, Event("page.refreshed", "public", "brie"))
    await held.projects()
    asked = []
    sa.event.listen(catalog.engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    await catalog.write(enter, Event("page.refreshed", "public", "gouda"))
    asked.clear()
    assert await held.projects() == {"brie": 1, "gouda": 2}
    assert not [statement for statement in asked if "FROM projects" in statement]
