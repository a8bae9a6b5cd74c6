import streamlit as st

from lib.ui import speed

speed.install()
st.write("Hello")
