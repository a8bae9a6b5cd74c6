import streamlit as st

from lib.ui.shell import streamlit_private

streamlit_private.install()
st.write("Hello")
