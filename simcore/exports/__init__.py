"""Exports: a trace in the formats of other programs. Each is written by an exporter from the hook `simcore_exporters`."""
