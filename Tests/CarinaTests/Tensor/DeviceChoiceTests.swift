import Carina
import TestSupport
import Testing

@Suite("Device, what a person may name") struct DeviceChoiceTests {
  @Test(
    "notations are read and written",
    arguments: [
      ("auto", DeviceChoice.automatic, "auto"), ("cpu", .cpu, "cpu"), ("cuda", .cuda(0), "cuda:0"),
      ("cuda:0", .cuda(0), "cuda:0"), ("cuda:12", .cuda(12), "cuda:12"),
    ])
  func read(text: String, choice: DeviceChoice, written: String) throws {
    #expect(try DeviceChoice(notation: text) == choice)
    #expect(choice.text == written && choice.json.string == written)
  }

  @Test(
    "other words are refused with what is allowed",
    arguments: [
      "", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:x", "cuda:1:2", "cuda:99999", "cuda: 1", "cpu:0", "auto:1",
    ])
  func refused(text: String) {
    let error = #expect(throws: CarinaError.self) { try DeviceChoice(notation: text) }
    #expect(error?.kind == .usage)
    #expect(
      "\(error, default: "")".contains("expected auto, cpu, cuda, or cuda:N with the number of a card, found \(text)"))
  }

  @Test("it decides no number: a record does not have it")
  func record() {
    var values = SettingValues<ComputingSettingList>()
    values.device = .cuda(1)
    #expect(values.json["device"] == nil && values.device == .cuda(1))
  }

  @Test("a device says what it is, and why where the choice was left open")
  func description() throws {
    let device = Device(TestBackend.cpu)
    #expect(device.description == "processor, \(device.productName)" && device.isProcessor)
    #expect(device.chosen(because: "no GPU").description == "processor, \(device.productName) (auto: no GPU)")
    try device.synchronize()
  }
}
