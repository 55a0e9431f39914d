"""The data doctor: what is wrong with labelled images."""

from keras_textrec.doctor.checks import Diagnosis as Diagnosis
from keras_textrec.doctor.checks import Finding as Finding
from keras_textrec.doctor.checks import inspect as inspect
from keras_textrec.doctor.clean import left_in as left_in
from keras_textrec.doctor.clean import write_clean as write_clean
from keras_textrec.doctor.page import write_page as write_page
from keras_textrec.doctor.report import print_report as print_report
from keras_textrec.doctor.report import to_dict as to_dict
from keras_textrec.doctor.report import write_json as write_json
