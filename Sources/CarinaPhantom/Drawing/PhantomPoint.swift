/// A pixel's position in the patient's frame: `x` and `y` grow to the right and downwards in sides of the image.
struct PhantomPoint {
  var x: Float
  var y: Float
}
