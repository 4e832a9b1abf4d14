"""Preflight: what a replacement has to know of a host before anything is built; changes nothing."""

from engine.preflight.ask import preflight
from engine.preflight.judge import judge
from engine.preflight.report import examine, report_document
from engine.preflight.values import Finding, Preflight, Report

__all__ = ["Finding", "Preflight", "Report", "examine", "judge", "preflight", "report_document"]
