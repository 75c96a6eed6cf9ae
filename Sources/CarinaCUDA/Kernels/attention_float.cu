// attention_float
