"""Exports: a trace in the formats of other programs, each written by an exporter that comes through the hook `simcore_exporters`."""
