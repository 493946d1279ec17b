"""The package's metrics inside other libraries' frames."""
