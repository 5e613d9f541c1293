"""Bundles: a trace with the files that its run needs, for another machine or another day.

A bundle is a tar archive, compressed by gzip: index.json, the trace, and the contents of files by
number. The index has an entry for every file that the run has met: whole what it has opened or
executed, the rest (what it only asked about, other names in directories that it listed) as files of
the right kind and size without content. What is not in there was not there for the run, so a replay
gets no other files at all but those of /proc, /sys and /dev.
"""
