"""Reports: the table, the findings, the figures, and the page that holds them."""

from .artefacts import write_json, write_parquet
from .detail import Detail, rich_detail
from .details import details
from .findings import compare, findings
from .page import Card, Report, Section, embedding_section, sets_report
from .paired import Comparison, comparisons, differences, with_tables
from .table import COLUMNS, rich_table, table_rows

__all__ = [
    "COLUMNS",
    "Card",
    "Comparison",
    "Detail",
    "Report",
    "Section",
    "compare",
    "comparisons",
    "details",
    "differences",
    "embedding_section",
    "findings",
    "rich_detail",
    "rich_table",
    "sets_report",
    "table_rows",
    "with_tables",
    "write_json",
    "write_parquet",
]
