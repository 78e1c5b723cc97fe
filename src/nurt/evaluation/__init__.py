"""How good is a forecast, and is it better than what costs nothing? No networks here.

``metrics`` measure errors, ``baselines`` make the forecasts every model must beat, ``backtest`` scores all of them on
identical cells, ``significance``, ``bootstrap`` and ``seeds`` say what may be luck, ``intervals`` calibrates,
``verdict`` puts it into one sentence, and ``audits`` checks the pipeline itself.
"""
