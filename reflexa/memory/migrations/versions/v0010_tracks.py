"""Indexes by which the story of a thing is followed: reflections by id, lessons by reflection and by successor."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_index("reflections_id", "reflections", ["id"])
    op.create_index("lesson_sources_reflection", "lesson_sources", ["reflection_id"])
    op.create_index("lessons_successor", "lessons", ["successor"])
