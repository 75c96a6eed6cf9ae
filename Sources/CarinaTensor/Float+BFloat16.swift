extension Float {
  /// The next bfloat16 number, of two equally near ones the even; not for what is no number.
  package var roundedToBFloat16: Float {
    let bits = bitPattern
    return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
  }
}
