/// 0 below 0, 1 above 1, smooth between.
@inline(__always)
func smoothStep(_ t: Float) -> Float {
  let t = min(1, max(0, t))
  return t * t * (3 - 2 * t)
}
