// decoding
