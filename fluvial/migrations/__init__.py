"""Revisions: how the tables of an older store become today's; run by :func:`fluvial.schema.upgrade`.

A new one is a file in ``versions`` with the next number, and SCHEMA in :mod:`fluvial.tables` rises to
it. What was released is never edited. A revision says what it does in words of its own and imports no
table from fluvial: those go on changing.
"""
