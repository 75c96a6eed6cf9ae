import Carina
import Foundation
import TestSupport
import Testing

/// Small imitations of archives whose annotations are labels, with the oddities of the real tables.
@Suite struct LabelArchiveTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func write(_ name: String, _ text: String) throws { try AtomicFile.write(text, to: directory.file(name)) }

  private func read(_ format: SampleFormat, _ change: (inout ArchiveOptions) -> Void = { _ in }) throws
    -> ReadArchive
  {
    var options = ArchiveOptions()
    change(&options)
    return try ArchiveReader.read(directory.path, format: format, imageRoots: [directory.path], options: options)
  }

  private func answers(_ archive: ReadArchive, _ image: String) -> [String: String] {
    Dictionary(
      archive.records.filter { $0.id.hasPrefix(image + "/") }.map {
        (String($0.id.dropFirst(image.count + 1)), $0.answer)
      },
      uniquingKeysWith: { first, _ in first })
  }

  private static let chexpertHeader =
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,"
    + "Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices\n"

  private func chexpert() throws {
    let root = "CheXpert-v1.0-small"
    try write(
      "train.csv",
      LabelArchiveTests.chexpertHeader
        + "\(root)/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0\n"
        + "\(root)/train/patient00002/study1/view1_frontal.jpg,Female,87,Frontal,PA,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,\n"
        + "\(root)/train/patient00002/study1/view2_lateral.jpg,Female,87,Lateral,,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,\n"
    )
    try write(
      "valid.csv",
      LabelArchiveTests.chexpertHeader
        + "\(root)/valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,AP,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0\n"
    )
    try write("train/patient00002/study1/view1_frontal.jpg", "pixels")
  }

  @Test("CheXpert: the root folder in the path, views from two columns, and each policy for uncertain labels")
  func chexpertLabels() throws {
    try chexpert()
    let archive = try read(.chexpert)
    #expect(archive.counts.first == ArchiveCount("images", 4, published: 224_316))
    #expect(archive.counts[0].description == "images 4 (published 224316: 224312 fewer)")
    #expect(archive.counts.contains(ArchiveCount("uncertain labels", 10)))
    let second = "train/patient00002/study1/view1_frontal.jpg"
    let record = try #require(archive.records.first { $0.id.hasPrefix(second) })
    // The folder that the table names is not there, the one below it is.
    #expect(record.image == second && record.patient == "patient00002" && record.study == "study1")
    #expect(record.view == "PA" && record.split == "train")
    #expect(archive.records.first?.image == "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg")
    #expect(archive.records.contains { $0.view == "LATERAL" && $0.questionType == "view" && $0.answer == "lateral" })
    #expect(archive.records.last?.split == "valid")
    #expect(
      answers(archive, second) == [
        "caption": "Chest radiograph showing a lung opacity and a fracture.", "presence:lung opacity": "yes",
        "presence:fracture": "yes", "findings": "a lung opacity and a fracture", "view": "frontal",
      ])
    // The source calls the first image normal and yet names support devices: what is present counts.
    #expect(answers(archive, "train/patient00001/study1/view1_frontal.jpg")["findings"] == "support devices")
    #expect(
      archive.records.contains {
        $0.question == "Are there support devices?" || $0.question == "Does this radiograph show support devices?"
      })
    let usual = answers(try read(.chexpert) { $0.uncertain = .usual }, second)
    #expect(usual["findings"] == "a lung opacity, pulmonary edema, atelectasis, a pleural effusion and a fracture")
    #expect(usual["presence:cardiomegaly"] == "no" && usual["presence:consolidation"] == "no")
    let positive = answers(try read(.chexpert) { $0.uncertain = .positive }, second)
    #expect(positive["presence:cardiomegaly"] == "yes" && positive["presence:edema"] == "yes")
    let negative = answers(try read(.chexpert) { $0.uncertain = .negative }, second)
    #expect(negative.values.filter { $0 == "no" }.count == 2 && negative["findings"] == "a lung opacity and a fracture")
    #expect(answers(archive, "valid/patient64541/study1/view1_frontal.jpg")["findings"] == "no abnormal finding")
  }

  @Test("views: all, frontal, lateral, and the best of a study; kinds: captions or questions alone")
  func policies() throws {
    try chexpert()
    func images(_ views: ViewPolicy) throws -> Set<String> {
      Set(try read(.chexpert) { $0.views = views }.records.map(\.image))
    }
    #expect(try images(.all).count == 4 && images(.frontal).count == 3)
    #expect(try images(.lateral) == ["CheXpert-v1.0-small/train/patient00002/study1/view2_lateral.jpg"])
    #expect(try images(.best) == images(.frontal))
    #expect(try read(.chexpert) { $0.views = .lateral }.remarks.contains { $0.hasPrefix("3 images are left out") })
    #expect(try read(.chexpert) { $0.kinds = .captions }.records.allSatisfy { $0.question.isEmpty })
    #expect(try read(.chexpert) { $0.kinds = .questions }.records.allSatisfy { !$0.question.isEmpty })
  }

  @Test("NIH: the header with its comma at the end, the split lists, images found below their numbered folders")
  func nih() throws {
    try write(
      "Data_Entry_2017.csv",
      "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        + "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\r\n"
        + "00000001_000.png,Cardiomegaly|Emphysema,0,1,058Y,M,PA,2682,2749,0.143,0.143,\r\n"
        + "00000002_000.png,No Finding,0,2,081Y,M,AP,2500,2048,0.171,0.171,\r\n"
        + "00000002_001.png,Pleural_Thickening,1,2,081Y,M,AP,2500,2048,0.171,0.171\r\n")
    try write("train_val_list.txt", "00000001_000.png\n")
    try write("test_list.txt", "00000002_000.png\n00000002_001.png")
    try write("images_001/images/00000001_000.png", "pixels")
    let archive = try read(.nihCXR14)
    #expect(archive.counts.map(\.found) == [3, 2])
    let first = try #require(archive.records.first)
    #expect(first.image == "images_001/images/00000001_000.png" && first.patient == "1" && first.study == "1-0")
    #expect(first.split == "train_val" && archive.records.last?.split == "test")
    #expect(answers(archive, "00000001_000.png")["findings"] == "cardiomegaly and emphysema")
    #expect(answers(archive, "00000002_001.png")["caption"] == "Chest radiograph showing pleural thickening.")
    let normal = answers(archive, "00000002_000.png")
    #expect(normal["findings"] == "no abnormal finding" && normal.values.filter { $0 == "no" }.count == 2)
    #expect(try read(.nihCXR14).records == archive.records)
    try write("Data_Entry_2017.csv", "Image Index,Finding Labels,Patient ID,View Position,\n00000001_000.png,Mass\n")
    let short = #expect(throws: CarinaError.self) { try read(.nihCXR14) }
    #expect(short?.description.contains("line 2") == true && short?.kind == .badData)
  }

  @Test("MIMIC-CXR-JPG: compressed tables, reports where there are any, labels else, one image a study with ties by id")
  func mimic() throws {
    try write(
      "mimic-cxr-2.0.0-metadata.csv",
      "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns\n"
        + "bbb-2,10000032,50000001,\"CHEST (PA, LAT)\",PA,10,10\naaa-1,10000032,50000001,\"CHEST\",PA,10,10\n"
        + "ccc-3,10000764,50000002,CHEST,,10,10\n")
    let split = try #require(
      Data(
        base64Encoded:
          "H4sIAAAAAAACA0vJTM7Pjc9M0SkuKU2pBDNKk7JSk0vAzIKczBKuxMREXUMdUwMwMNQxBNPGRjolRYmZeVxJSUm6Rjhlk5OTdY1hskYQWXMzE52S1OISLgBG0rtCfAAAAA=="
      ))
    try AtomicFile.write(split, to: directory.file("mimic-cxr-2.0.0-split.csv.gz"))
    try write(
      "mimic-cxr-2.0.0-chexpert.csv",
      "subject_id,study_id,Atelectasis,Edema,No Finding\n10000032,50000001,1.0,-1.0,\n10000764,50000002,,,1.0\n")
    try write(
      "files/p10/p10000032/s50000001.txt",
      "                                 FINAL REPORT\n INDICATION:  ___F with cough\n \n FINDINGS: \n \n"
        + " There is atelectasis at 1.5 cm.  Seen by Dr. ___.  No effusion.\n \n IMPRESSION:  Atelectasis.\n")
    let archive = try read(.mimicCXR)
    #expect(archive.counts.prefix(3).map(\.found) == [3, 2, 2])
    #expect(archive.counts.contains(ArchiveCount("reports", 1)))
    #expect(archive.counts.contains(ArchiveCount("images without a view", 1)))
    let report = try #require(archive.records.first)
    #expect(report.image == "files/p10/p10000032/s50000001/bbb-2.jpg" && report.split == "train")
    #expect(report.answer == "There is atelectasis at 1.5 cm. No effusion.")
    #expect(try read(.mimicCXR) { $0.deidentified = .keep }.records[0].answer.contains("___"))
    #expect(answers(archive, "ccc-3")["caption"]?.isEmpty == false && archive.records.last?.split == "test")
    let best = try read(.mimicCXR) { $0.views = .best }
    #expect(
      Set(best.records.map(\.image)).map { ($0 as NSString).lastPathComponent }.sorted() == ["aaa-1.jpg", "ccc-3.jpg"])
    try AtomicFile.write(split.dropLast(9), to: directory.file("mimic-cxr-2.0.0-split.csv.gz"))
    let cut = #expect(throws: CarinaError.self) { try read(.mimicCXR) }
    #expect(cut?.kind == .badData && cut?.description.contains("gzip") == true)
  }

  @Test("VinDr: two of three readers decide, one leaves a doubt, and the missing patient is said")
  func vindr() throws {
    let header = "image_id,rad_id,Cardiomegaly,Nodule/Mass,Other diseases,No finding\n"
    try write(
      "image_labels_train.csv",
      header + "x1,R1,1,0,0,0\nx1,R2,1,1,0,0\nx1,R3,0,0,0,1\nx2,R1,0,0,0,1\nx2,R2,0,0,0,1\nx2,R3,0,0,0,1\n")
    try write("image_labels_test.csv", "image_id,Cardiomegaly,Nodule/Mass,Other diseases,No finding\nt1,0,1,0,0\n")
    try write("train/x1.png", "pixels")
    let archive = try read(.vindrCXR)
    #expect(archive.counts.map(\.found) == [3, 1, 2] && archive.counts.map(\.published) == [18_000, 3_000, 15_000])
    #expect(archive.remarks.contains { $0.contains("no patient is named") })
    #expect(archive.records.allSatisfy { $0.patient.isEmpty })
    #expect(
      archive.records.contains { $0.image == "train/x1.png" }
        && archive.records.contains { $0.image == "train/x2.dicom" })
    #expect(
      answers(archive, "x1")["findings"] == "cardiomegaly" && answers(archive, "x1")["presence:nodule/mass"] == nil)
    #expect(answers(archive, "x2")["findings"] == "no abnormal finding")
    #expect(answers(archive, "t1")["findings"] == "a nodule or mass")
    #expect(
      answers(try read(.vindrCXR) { $0.uncertain = .positive }, "x1")["findings"] == "cardiomegaly and a nodule or mass"
    )
  }

  @Test("PadChest: lists in Python's notation, projections, exclusions, and a folder in a column of its own")
  func padchest() throws {
    try write(
      "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",
      ",ImageID,ImageDir,StudyID,PatientID,ViewPosition_DICOM,Projection,Report,Labels\n"
        + "0,a.png,0,s1,p1,POSTEROANTERIOR,PA,\"sin, alteracion\",\"['cardiomegaly', ' pleural effusion', 'unchanged']\"\n"
        + "1,b.png,0,s1,p1,LATERAL,L,x,['normal']\n2,c.png,1,s2,p2,,EXCLUDE,x,['normal']\n"
        + "3,d.png,1,s3,p2,,AP_horizontal,x,\"[\"\"hodgkin's disease\"\", 'cardiomegaly', 'cardiomegaly']\"\n4,e.png,1,s4,p3,,PA,x,\n"
    )
    try write("0/a.png", "pixels")
    try write("b.png", "pixels")
    let archive = try read(.padChest)
    #expect(archive.counts.map(\.found) == [5, 3, 4])
    #expect(archive.records.first?.image == "0/a.png" && archive.records.contains { $0.image == "b.png" })
    #expect(answers(archive, "a.png")["findings"] == "cardiomegaly and a pleural effusion")
    #expect(answers(archive, "b.png")["view"] == "lateral" && answers(archive, "d.png")["view"] == "frontal")
    #expect(answers(archive, "d.png")["findings"] == "hodgkin's disease and cardiomegaly")
    #expect(answers(archive, "c.png").isEmpty && answers(archive, "e.png") == ["view": "frontal"])
    #expect(archive.remarks.contains { $0.hasPrefix("1 images are marked for exclusion") })
    try write(
      "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",
      "ImageID,ImageDir,StudyID,PatientID,Labels\na.png,0,s1,p1,\"['cardiomegaly\"\n")
    let broken = #expect(throws: CarinaError.self) { try read(.padChest) }
    #expect(broken?.kind == .badData && broken?.description.contains("line 2") == true)
  }

  @Test("wordings come from a file when one is given, and a broken one is refused with its key")
  func templates() throws {
    try chexpert()
    let text = #"""
      {"format": "carina-label-templates", "version": 1, "labels": {"fracture": {"phrase": "une fracture"}}, "and": "et",
       "caption": {"present": ["Radio: {findings}."], "normal": ["Normale."]},
       "presence": {"questions": ["Y a-t-il {finding} ?"], "plural_questions": ["Y a-t-il {finding} ?"],
                    "present": "oui", "absent": "non", "absent_questions": 0},
       "findings": {"questions": ["Que voit-on ?"], "normal": "rien"},
       "view": {"questions": ["Quelle vue ?"], "frontal": "face", "lateral": "profil"}}
      """#
    try write("fr.json", text)
    let archive = try read(.chexpert) { $0.templates = directory.file("fr.json") }
    let second = answers(archive, "train/patient00002/study1/view1_frontal.jpg")
    #expect(second["caption"] == "Radio: lung opacity et une fracture." && second["view"] == "face")
    #expect(!archive.records.contains { $0.answer == "non" })
    try write("fr.json", text.replacingOccurrences(of: "\"oui\"", with: "7"))
    let error = #expect(throws: CarinaError.self) { try read(.chexpert) { $0.templates = directory.file("fr.json") } }
    #expect(error?.description.contains("presence.present") == true)
  }

  @Test("an archive that is not there, and a table without a needed column")
  func missing() throws {
    for format in [SampleFormat.mimicCXR, .chexpert, .nihCXR14, .vindrCXR, .padChest, .openI, .slake] {
      let error = #expect(throws: CarinaError.self, "\(format)") { try read(format) }
      #expect(error?.kind == .missingInput, "\(format)")
    }
    try write("train.csv", "Path,Sex\na,b\n")
    let error = #expect(throws: CarinaError.self) { try read(.chexpert) }
    #expect(error?.kind == .badData && error?.description.contains("Frontal/Lateral") == true)
  }
}
