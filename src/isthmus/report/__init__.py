"""Reports: the table, the findings, the figures, and the page that holds them."""

from .artefacts import write_json, write_parquet
from .detail import Detail, rich_detail
from .details import details
from .findings import compare, differences, findings
from .page import Card, Report, Section, embedding_section, sets_report
from .table import COLUMNS, rich_table, table_rows

__all__ = [
    "COLUMNS",
    "Card",
    "Detail",
    "Report",
    "Section",
    "compare",
    "details",
    "differences",
    "embedding_section",
    "findings",
    "rich_detail",
    "rich_table",
    "sets_report",
    "table_rows",
    "write_json",
    "write_parquet",
]
