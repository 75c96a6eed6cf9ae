/// Part of the patient's frame.
struct PhantomBox {
  var left: Float
  var top: Float
  var right: Float
  var bottom: Float
}
