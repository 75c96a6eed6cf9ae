"""Small imitations of the published archives of radiographs, for the fuzzer."""

import gzip
import json
import os
import shutil

from tiny_files import write

REFERENCE = os.path.dirname(os.path.abspath(__file__))


def make_archives(root, image):
    """Small imitations of the published layouts, in `root/NAME`; all images are the bytes `image`."""
    findings = ",".join(
        [
            "No Finding",
            "Enlarged Cardiomediastinum",
            "Cardiomegaly",
            "Lung Opacity",
            "Lung Lesion",
            "Edema",
            "Consolidation",
            "Pneumonia",
            "Atelectasis",
            "Pneumothorax",
            "Pleural Effusion",
            "Pleural Other",
            "Fracture",
            "Support Devices",
        ]
    )
    write(
        f"{root}/chexpert/train.csv",
        f"Path,Sex,Age,Frontal/Lateral,AP/PA,{findings}\n"
        "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0\n"
        "CheXpert-v1.0-small/train/patient00002/study1/view1_frontal.jpg,Female,87,Frontal,PA,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,\n"
        "CheXpert-v1.0-small/train/patient00002/study1/view2_lateral.jpg,Female,87,Lateral,,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,\n",
    )
    for name in [
        "patient00001/study1/view1_frontal",
        "patient00002/study1/view1_frontal",
        "patient00002/study1/view2_lateral",
    ]:
        write(f"{root}/chexpert/train/{name}.jpg", image)
    write(
        f"{root}/nih-cxr14/Data_Entry_2017.csv",
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\r\n"
        "00000001_000.png,Cardiomegaly|Emphysema,0,1,058Y,M,PA,2682,2749,0.143,0.143,\r\n"
        "00000002_000.png,No Finding,0,2,081Y,M,AP,2500,2048,0.171,0.171,\r\n"
        "00000002_001.png,Pleural_Thickening,1,2,081Y,M,AP,2500,2048,0.171,0.171\r\n",
    )
    write(f"{root}/nih-cxr14/train_val_list.txt", "00000001_000.png\n00000002_000.png\n")
    write(f"{root}/nih-cxr14/test_list.txt", "00000002_001.png")
    for name in ["00000001_000", "00000002_000", "00000002_001"]:
        write(f"{root}/nih-cxr14/images_001/images/{name}.png", image)
    write(
        f"{root}/mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv",
        "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns\n"
        'bbb-2,10000032,50000001,"CHEST (PA, LAT)",PA,10,10\naaa-1,10000032,50000001,"CHEST",PA,10,10\n'
        "ccc-3,10000764,50000002,CHEST,,10,10\n",
    )
    write(
        f"{root}/mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz",
        gzip.compress(
            b"dicom_id,study_id,subject_id,split\nbbb-2,50000001,10000032,train\naaa-1,50000001,10000032,train\n"
            b"ccc-3,50000002,10000764,train\n",
            mtime=0,
        ),
    )
    write(
        f"{root}/mimic-cxr-jpg/mimic-cxr-2.0.0-chexpert.csv",
        "subject_id,study_id,Atelectasis,Edema,No Finding\n10000032,50000001,1.0,-1.0,\n10000764,50000002,,,1.0\n",
    )
    write(
        f"{root}/mimic-cxr-jpg/files/p10/p10000032/s50000001.txt",
        "                                 FINAL REPORT\n INDICATION:  ___F with cough\n \n FINDINGS: \n \n"
        " There is atelectasis at 1.5 cm.  Seen by Dr. ___.  No effusion.\n \n IMPRESSION:  Atelectasis.\n",
    )
    for name in ["p10000032/s50000001/bbb-2", "p10000032/s50000001/aaa-1", "p10000764/s50000002/ccc-3"]:
        write(f"{root}/mimic-cxr-jpg/files/p10/{name}.jpg", image)
    write(
        f"{root}/vindr-cxr/image_labels_train.csv",
        "image_id,rad_id,Cardiomegaly,Nodule/Mass,Other diseases,No finding\n"
        "x1,R1,1,0,0,0\nx1,R2,1,1,0,0\nx1,R3,0,0,0,1\nx2,R1,0,0,0,1\nx2,R2,0,0,0,1\nx2,R3,0,0,0,1\n",
    )
    for name in ["x1", "x2"]:
        write(f"{root}/vindr-cxr/train/{name}.png", image)
    write(
        f"{root}/padchest/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",
        ",ImageID,ImageDir,StudyID,PatientID,ViewPosition_DICOM,Projection,Report,Labels\n"
        "0,a.png,0,s1,p1,POSTEROANTERIOR,PA,\"sin, alteracion\",\"['cardiomegaly', ' pleural effusion', 'unchanged']\"\n"
        "1,b.png,0,s1,p1,LATERAL,L,x,['normal']\n2,c.png,1,s2,p2,,EXCLUDE,x,['normal']\n"
        '3,d.png,1,s3,p2,,AP_horizontal,x,"[""hodgkin\'s disease"", \'cardiomegaly\', \'cardiomegaly\']"\n',
    )
    for name in ["0/a", "0/b", "1/c", "1/d"]:
        write(f"{root}/padchest/{name}.png", image)
    write(
        f"{root}/vqa-rad/public.json",
        json.dumps(
            [
                {
                    "qid": "0",
                    "phrase_type": "freeform",
                    "image_name": "synpic1.jpg",
                    "image_organ": "CHEST",
                    "question": "Normal? ",
                    "answer": "Yes",
                    "answer_type": "CLOSED ",
                    "question_type": "PRES",
                },
                {
                    "qid": 1,
                    "phrase_type": "test_para",
                    "image_name": "synpic2.jpg",
                    "image_organ": "CHEST",
                    "question": "Rib?",
                    "answer": 5,
                    "answer_type": "OPEN",
                    "question_type": "COUNT",
                },
            ],
            indent=1,
        ),
    )
    write(
        f"{root}/llava/conversations.json",
        json.dumps(
            [
                {
                    "id": "a",
                    "image": "synpic1.jpg",
                    "conversations": [
                        {"from": "human", "value": "<image>\nWhat is it?"},
                        {"from": "gpt", "value": "A chest."},
                        {"from": "human", "value": "Sick?"},
                        {"from": "gpt", "value": "No."},
                    ],
                },
                {"id": "b", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
                {
                    "image": "synpic2.jpg",
                    "conversations": [
                        {"from": "human", "value": "What is it?\n<image>"},
                        {"from": "gpt", "value": "x"},
                    ],
                },
            ],
            indent=1,
        ),
    )
    for name in ["vqa-rad", "llava"]:
        for image_name in ["synpic1.jpg", "synpic2.jpg"]:
            write(f"{root}/{name}/{image_name}", image)
    write(
        f"{root}/slake/train.json",
        json.dumps(
            [
                {
                    "img_id": n,
                    "img_name": f"xmlab{n}/source.jpg",
                    "question": f"Q{n}?",
                    "answer": "Yes",
                    "q_lang": "en",
                    "location": "Lung",
                    "modality": "X-Ray",
                    "answer_type": "CLOSED",
                    "base_type": "vqa",
                    "content_type": "Position",
                    "triple": ["vhead", "_", "_"],
                    "qid": n,
                }
                for n in (1, 2)
            ],
            indent=1,
        ),
    )
    for n in (1, 2):
        write(f"{root}/slake/imgs/xmlab{n}/source.jpg", image)
    write(
        f"{root}/open-i/1.xml",
        '<?xml version="1.0" encoding="utf-8"?><eCitation><uId id="CXR1"/><MedlineCitation><Article>'
        '<Abstract><AbstractText Label="FINDINGS">The heart is large. XXXX.</AbstractText>'
        '<AbstractText Label="IMPRESSION">1. Cardiomegaly &amp; more.</AbstractText></Abstract></Article></MedlineCitation>'
        '<MeSH><major>Cardiomegaly</major></MeSH><parentImage id="CXR1_IM-1"><figureId>F1</figureId><caption>PA</caption>'
        '</parentImage><parentImage id="CXR1_IM-2"/></eCitation>',
    )
    for n in (1, 2):
        write(f"{root}/open-i/CXR1_IM-{n}.png", image)
    templates = os.path.join(
        os.path.dirname(REFERENCE), "..", "Sources", "CarinaData", "Archives", "label-templates.json"
    )
    if os.path.exists(templates):
        shutil.copy(templates, f"{root}/chexpert/templates.json")
