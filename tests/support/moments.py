"""Changes of a catalog as if they were made at another moment."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def changing(catalog):
    """Return what makes a change as if at a moment, or so many seconds after the start."""

    def change_at(moment, function, *arguments, **named):
        def changed(change):
            change.now = moment if isinstance(moment, datetime) else START + timedelta(seconds=moment)
            return function(change, *arguments, **named)

        return catalog.write_now(changed)

    return change_at
