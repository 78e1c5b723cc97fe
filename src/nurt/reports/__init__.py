"""Self-contained HTML reports and tables, drawn from finished results.

A page is one file: the script that draws, the styles and the data are inside, nothing is fetched. Reports compute
nothing that a result does not hold, apart from how it is shown.
"""

from nurt.reports.backtest import write_backtest_report
from nurt.reports.demo import write_demo_report
from nurt.reports.examination import write_examination_report
from nurt.reports.experiment import export_experiment, write_experiment_report
from nurt.reports.export import export_figures, figure_csv, write_figure
from nurt.reports.forecast import write_forecast_report
from nurt.reports.sections.forecast import write_forecast_table

__all__ = [
    "export_experiment",
    "export_figures",
    "figure_csv",
    "write_backtest_report",
    "write_demo_report",
    "write_examination_report",
    "write_experiment_report",
    "write_figure",
    "write_forecast_report",
    "write_forecast_table",
]
