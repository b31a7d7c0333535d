"""From a data set to prepared data: photos at training size in one file, and the table on their grid."""

from imatfashion.data.prepare.report import PrepareReport
from imatfashion.data.prepare.run import prepare
from imatfashion.data.prepare.verify import verify

__all__ = ["PrepareReport", "prepare", "verify"]
