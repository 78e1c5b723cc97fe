"""What people do with recurrent networks: forecasting, and the file a trained model is kept in."""
