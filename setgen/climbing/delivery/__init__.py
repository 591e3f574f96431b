"""Climbs for the tools that climbers use: app uploads, links, MoonBoard files, LED bytes; and back again.

`setgen convert` writes all of them, and `setgen.read_climbs` reads all of them. Nothing here talks to a
server or a board: it makes the text and the bytes, and what is sent where is the user's choice.
"""
